package LT::Events;

# The events of both programs' logs as the code writes them:
#   name => { fields => { name => 1 } }

use strict;
use warnings;

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    return join '', <$in>;
}

# "a" "b" as one string
sub joined {
    my ($text) = @_;
    return $text =~ s/"\s*\n\s*"//gr;
}

sub nginx {
    my %event;
    for (map { joined(slurp($_)) }
        glob 'ngx_lt_module/*.c ngx_lt_module/actions/*.c')
    {
        while (/"lt: event=(\w+)((?:[^"\\]|\\.)*)"/g) {
            my ($name, $rest) = ($1, $2);
            $event{$name} //= {};
            $event{$name}{$_} = 1 for $rest =~ /\b([a-z_]+)=/g;
        }
    }
    return %event;
}

sub worker {
    my %event;
    for (map { slurp($_) } glob 'worker/*.c worker/*/*.c') {
        while (/ltw_log\([^;"]*?"([a-z_]+)"(.*?)\);\n/gs) {
            my ($name, $rest) = ($1, $2);
            $event{$name} //= {};
            $event{$name}{$_} = 1
                for $rest =~ /ltw_(?:str|cstr|int)\("(\w+)"/g;
        }
    }
    return %event;
}

1;
