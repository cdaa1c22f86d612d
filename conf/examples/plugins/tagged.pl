#!/usr/bin/perl
# A plug-in of policymux: user+tag@example.org takes mail only where the tag is ours. `tagged.pl USER` prints one for
# USER. The key is TAG_KEY in the environment.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);

my $key = $ENV{TAG_KEY} or die "tagged.pl: TAG_KEY is not set\n";

sub tag { return substr hmac_sha256_hex(lc $_[0], $key), 0, 8 }

if (@ARGV) {
    print "$ARGV[0]+", tag($ARGV[0]), "\n";
    exit;
}

$| = 1;    # an answer goes out at once
my %request;
while (my $line = <STDIN>) {
    chomp $line;
    if ($line =~ /^([^=]+)=(.*)/s) {
        $request{$1} = $2;
        next;
    }
    my $recipient = $request{recipient} // '';
    my ($user, $tag) = $recipient =~ /^([^+@]+)\+([^@]*)@/;
    my $known = !defined $tag || lc $tag eq tag($user);
    print 'action=', $known ? 'DUNNO' : 'REJECT 5.1.1 No such address', "\n\n";
    %request = ();
}
