package LT::Files;

# The text of files, one after the other; dies when one cannot be read.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(slurp);

sub slurp {
    return join '', map {
        open my $in, '<', $_ or die "$_: $!\n";
        local $/;
        <$in>;
    } @_;
}

1;
