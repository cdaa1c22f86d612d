# A check plug-in for pfxpold, which policymux runs unmodified: lets every third message pass, by chance.
package PFXCheck;

use strict;
use warnings;

sub new {
    my ($class) = @_;
    return bless { asked => 0 }, $class;
}

sub do_check {
    my ($self, $attributes) = @_;
    $self->{asked}++;
    for my $name (qw(client_address client_name sender)) {
        next if defined $attributes->{$name} && $attributes->{$name} ne '';
        main::dolog('warning', "request $self->{asked} lacks $name");
        return 'REJECT Malformed request: it lacks ' . $name;
    }
    my $lucky = rand(3) < 1;
    main::dolog('debug', "request $self->{asked}: $attributes->{sender} from $attributes->{client_address}");
    return $lucky ? 'OK (you win!)' : 'DUNNO (you lose!)';
}

1;
