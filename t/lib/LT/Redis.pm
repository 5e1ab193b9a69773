package LT::Redis;

# A real redis-server of the suite's own, without persistence.

use strict;
use warnings;

use IO::Socket::INET ();
use Time::HiRes qw(sleep time);
use LT::Env ();
use LT::Process ();

sub new {
    my ($class, %option) = @_;
    my $self = bless { port => LT::Env::free_port(), %option }, $class;
    return $self->start;
}

sub start {
    my ($self) = @_;
    $self->{process} = LT::Process->start('redis-server',
        '--port', $self->{port}, '--bind', '127.0.0.1', '--save', '',
        '--appendonly', 'no', '--dir', $LT::Env::Dir,
        '--logfile', "$LT::Env::Dir/redis.log");
    my $deadline = time + 10;
    until (eval { $self->command('PING') eq 'PONG' }) {
        die "redis-server does not answer\n" if time > $deadline;
        sleep 0.02;
    }
    return $self;
}

sub port { $_[0]{port} }
sub stop { delete($_[0]{process})->stop }
sub freeze { $_[0]{process}->signal('STOP') }
sub thaw { $_[0]{process}->signal('CONT') }

# One command on a connection of its own; dies on an error answer.
sub command {
    my ($self, @words) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Timeout => 2)
        or die "redis: $!\n";
    print $socket '*', scalar @words, "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @words;
    return reply($socket);
}

sub reply {
    my ($socket) = @_;
    my $line = <$socket> // die "redis: closed\n";
    $line =~ s/\r\n\z//;
    my $type = substr $line, 0, 1, '';
    die "redis: $line\n" if $type eq '-';
    return $line if $type eq '+' || $type eq ':';
    return if $line == -1;
    return [map { scalar reply($socket) } 1 .. $line] if $type eq '*';
    read $socket, my $value, $line + 2;
    return substr $value, 0, $line;
}

1;
