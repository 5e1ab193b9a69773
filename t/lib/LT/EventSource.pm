package LT::EventSource;

# A client of Server-Sent Events that does what a test says: it does not come
# back by itself.

use strict;
use warnings;
use base 'LT::WebSocket';

use Time::HiRes qw(time);

# The request without an upgrade; headers may have Last-Event-ID.
sub connect {
    my ($class, $port, $path, %option) = @_;
    my %headers = (Accept => 'text/event-stream', Upgrade => undef,
        Connection => undef, 'Sec-WebSocket-Version' => undef,
        'Sec-WebSocket-Key' => undef, %{$option{headers} // {}});
    return $class->SUPER::connect($port, $path, %option,
        headers => \%headers);
}

# A stream has no body that could be waited for.
sub read_answer {
    my ($self) = @_;
    $self->read_head;
    $self->read_body if $self->{status} != 200;
}

# Whole chunks leave {in} for {text}.
sub unchunk {
    my ($self) = @_;
    while ($self->{in} =~ /\A([0-9a-f]+)\r\n/i) {
        my ($size, $head) = (hex $1, length($1) + 2);
        return if length $self->{in} < $head + $size + 2;
        $self->{text} .= substr $self->{in}, $head, $size;
        substr $self->{in}, 0, $head + $size + 2, '';
        $self->{is_over} = 1 if $size == 0;
    }
}

# The next block up to an empty line, as { id, event, data, retry, comment };
# nothing at the end of the stream or of the time.
sub block {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    my $end;
    $self->{text} //= '';
    while (1) {
        $self->unchunk;
        $end = index $self->{text}, "\n\n";
        last if $end >= 0;
        return if $self->{is_over};
        $self->fill($deadline) or return;
    }
    my (%got, @data);
    for (split /\n/, substr $self->{text}, 0, $end + 2, '') {
        my ($field, $value) = /^([a-z]*):(?: )?(.*)$/ or die "what is $_?\n";
        $got{$field eq '' ? 'comment' : $field} = $value;
        push @data, $value if $field eq 'data';
    }
    $got{data} = join "\n", @data if @data;
    return \%got;
}

# The next with data.
sub event {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (my $block = $self->block($deadline - time)) {
        return $block if defined $block->{data};
    }
    return;
}

# True when the answer has come to its end, in due form.
sub is_over {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (!$self->{is_over}) {
        $self->unchunk;
        last if $self->{is_over} || !$self->fill($deadline);
    }
    return $self->{is_over};
}

1;
