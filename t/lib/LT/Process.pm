package LT::Process;

# A child process that cannot outlive the test script: a keeper waits for it
# and, on the other side, for the end of a pipe that only the script holds
# open.  The script may be killed by any signal; the keeper then ends the
# child.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

my %held;    # keeper => the write end of its pipe

# start(sub { … }) or start(command, arguments …)
sub start {
    my ($class, @what) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    pipe my $pid_read, my $pid_write or die "pipe: $!\n";
    my $keeper = fork() // die "fork: $!\n";
    if ($keeper == 0) {
        $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
        open STDOUT, '>', '/dev/null';    # prove waits for our end of it
        close_others(fileno $read, fileno $pid_write);
        keep($read, $pid_write, @what);
        POSIX::_exit(0);
    }
    close $_ for $read, $pid_write;
    my $self = bless { keeper => $keeper, write => $write, owner => $$ },
        $class;
    $held{$keeper} = $write;
    chomp($self->{pid} = <$pid_read>);
    return $self;
}

# The script's sockets: a server must see them end when the script says so.
sub close_others {
    my %needed = map { $_ => 1 } @_;
    opendir my $dir, '/proc/self/fd' or return;
    POSIX::close($_) for grep { /^\d+$/ && $_ > 2 && !$needed{$_} }
        readdir $dir;
}

sub keep {
    my ($pipe, $pid_pipe, @what) = @_;
    my $child = fork() // die "fork: $!\n";
    if ($child == 0) {
        close $_ for $pipe, $pid_pipe;
        $SIG{$_} = 'DEFAULT' for qw(TERM HUP PIPE);
        $SIG{INT} = 'IGNORE';    # Ctrl-C: the script stops us in order
        if (ref $what[0]) {
            eval { $what[0]->(); 1 } or print STDERR $@;
            POSIX::_exit(0);
        }
        { exec @what }
        POSIX::_exit(127);
    }
    syswrite $pid_pipe, "$child\n";
    close $pid_pipe;
    sysread $pipe, my $end, 1;    # returns when the script ends or stops us
    kill $_ => $child for qw(CONT TERM);
    my $deadline = time + 3;
    while (waitpid($child, POSIX::WNOHANG()) == 0) {
        kill KILL => $child if time > $deadline;
        sleep 0.01;
    }
}

sub pid { $_[0]{pid} }

sub signal {
    my ($self, $signal) = @_;
    return kill $signal => $self->{pid};
}

sub stop {
    my ($self) = @_;
    my $write = delete $self->{write} or return;
    return if $self->{owner} != $$ || !delete $held{$self->{keeper}};
    close $write;
    local ($?, $!);
    waitpid $self->{keeper}, 0;
}

sub stop_all {
    my %left = %held;
    %held = ();
    close $_ for values %left;
    local ($?, $!);
    waitpid $_, 0 for keys %left;
}

sub DESTROY { $_[0]->stop }

1;
