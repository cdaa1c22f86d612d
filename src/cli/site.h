// What main.conf names and this machine lacks, or cannot show to Postfix.
#pragma once

#include "base/diagnostic.h"
#include "config/config.h"

namespace policymux {

// Warnings, since the file may be another machine's: users, groups and directories without which the daemon could not
// start here, and sockets that Postfix could not see. Nothing is bound, connected to or resolved.
Diagnostics doubt_site(const Config& config);

}  // namespace policymux
