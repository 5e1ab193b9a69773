package Test::Nginx::Socket;

# A small stand-in for the CPAN module of this name, for machines that have
# Debian's libtest-base-perl but no CPAN.  Suites must pass under both.
#
# What is here: the sections, functions and variables that t/*.t use; the
# list is in t/shim/README.md.  Everything else of the real module is absent,
# and an unknown section is refused instead of being ignored.
#
# Test::Base -Base puts "my $self = shift" into every sub without a
# prototype; so this file holds no subs at all.

use Test::Base -Base;
use Test::Nginx::Util;
use Test::Nginx::Shim::Check ();

our $VERSION = '0.33';
our @EXPORT = (@Test::Nginx::Util::Functions,
    qw(plan add_response_body_check));

*add_response_body_check = \&Test::Nginx::Shim::Check::add_body_check;

$RunTestHelper = \&Test::Nginx::Shim::Check::run_requests;
$CheckErrorLog = \&Test::Nginx::Shim::Check::check_error_log;

1;
