// What main.conf holds of addresses, actions and programs, judged by the rooms that know them.
#pragma once

#include "config/config.h"

namespace policymux {

ValueChecks value_checks();

}  // namespace policymux
