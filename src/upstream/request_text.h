// Requests as they are sent to other servers.
#pragma once

#include <string>
#include <vector>

#include <policymux/request.h>

namespace policymux {

// Every attribute exactly as it came, repeated ones included, in order; request=smtpd_access_policy in front where the
// request has no such attribute.
std::string request_text(const Request& request);
// The same of "name=value" texts.
std::string request_text(const std::vector<std::string>& attributes);

}  // namespace policymux
