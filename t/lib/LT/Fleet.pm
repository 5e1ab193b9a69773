package LT::Fleet;

# Where a fleet's AWS keys come from: local/fleet.mjs as a process of the test.
# Load it after LT::Suite.
#
#   --- env      lines NAME=value for nginx's start; $FLEET, $CONTAINER and
#                $TEST_NGINX_LT_DIR are replaced
#   fleet()->fault(kind => 'slow', operation => 'ImdsToken', times => -1)
#   fleet()->clear; ->life(seconds); ->clock(ms); ->expire; ->requests

use strict;
use warnings;
use base 'Exporter';

use HTTP::Tiny ();
use JSON::PP ();
use Time::HiRes qw(sleep time);
use LT::Env ();
use LT::Process ();

our @EXPORT = qw(fleet);
my $json = JSON::PP->new->utf8->canonical;
my ($fleet, %set);

# Parts of every secret that it issues,
# and what of an agent's address is for its container only.
@LT::Suite::secrets{'temporary/', 'tmp+/', '/v2/credentials/'} = (1, 1, 1);
push @Test::Nginx::Util::Sections, 'env' if @Test::Nginx::Util::Sections;

sub fleet { return $fleet //= __PACKAGE__->start }

sub start {
    my ($class) = @_;
    my ($node) = glob 'local/node_modules/node-linux-*/bin/node';
    my $self = bless { port => LT::Env::free_port() }, $class;
    $self->{process} = LT::Process->start($node, 'local/fleet.mjs', '--port',
        $self->{port});
    my $deadline = time + 20;
    until (eval { $self->requests; 1 }) {
        die "local/fleet.mjs does not answer\n" if time > $deadline;
        sleep 0.05;
    }
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

sub ask {
    my ($self, $method, $path, $data) = @_;
    my $answer = HTTP::Tiny->new(timeout => 10)->request($method,
        $self->url . "/_test/$path", { defined $data
            ? (content => $json->encode($data)) : () });
    die "fleet: $answer->{content}\n" if !$answer->{success};
    return $json->decode($answer->{content});
}

sub fault { my ($self, %fault) = @_; $self->ask(POST => 'fault', \%fault) }
sub clear { $_[0]->ask(DELETE => 'fault') }
sub life { $_[0]->ask(POST => 'life', { seconds => $_[1] }) }
sub clock { $_[0]->ask(POST => 'clock', { ms => $_[1] }) }
sub expire { $_[0]->ask(POST => 'expire', {}) }
sub requests { return @{$_[0]->ask(GET => 'requests')->{requests}} }

# The environment of the nginx that is started next, and no other's.
sub set_environment {
    my ($block) = @_;
    delete @ENV{keys %set};
    %set = ();
    my $text = $block->env // return;
    my ($url, $dir) = (fleet()->url, $LT::Env::Dir);
    $text =~ s/\$FLEET\b/$url/g;
    $text =~ s{\$CONTAINER\b}{$url/v2/credentials/stand-in}g;
    $text =~ s/\$TEST_NGINX_LT_DIR\b/$dir/g;
    %set = map { split /=/, $_, 2 } grep { /=/ } split /\n/, $text;
    @ENV{keys %set} = values %set;
}

Test::Nginx::Util::add_block_preprocessor(\&set_environment);

1;
