# A check plug-in for pfxpold: who may send from where is a table `allowed (client, sender)` in an SQLite file.
package PFXCheck;

use strict;
use warnings;

use DBI;
use DBD::SQLite::Constants qw(SQLITE_OPEN_READONLY);

my $allowed = 'SELECT count(*) FROM allowed WHERE client IN (?, ?) AND sender IN (?, ?)';

sub new { return bless {}, shift }

sub database {
    my ($self) = @_;
    $self->{database} ||= DBI->connect("dbi:SQLite:dbname=$ENV{ALLOWED_DATABASE}", '', '',
        { RaiseError => 1, PrintError => 0, sqlite_open_flags => SQLITE_OPEN_READONLY });
    return $self->{database};
}

sub do_check {
    my ($self, $attributes) = @_;
    my ($address, $name, $sender) = map { defined $_ ? $_ : '' } @{$attributes}{qw(client_address client_name sender)};
    return 'REJECT Malformed request' if $address eq '' || $name eq '' || $sender eq '';
    my ($domain) = $sender =~ /(\@[^@]*)\z/;
    my $rows = eval { $self->database->selectrow_array($allowed, undef, $address, $name, $sender, $domain) };
    if (!defined $rows) {
        main::dolog('warning', "no database: $@");
        delete $self->{database};
        return 'DEFER No database';
    }
    return $rows > 0 ? 'OK' : 'REJECT Not from there';
}

1;
