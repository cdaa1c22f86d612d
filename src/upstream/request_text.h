// Requests as they are sent to other servers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <policymux/request.h>

namespace policymux {

// Every attribute exactly as it came, repeated ones included, in order; request=smtpd_access_policy in front where the
// request has no such attribute. The request's own bytes, or `rewritten`, where they cannot be sent as they are.
std::string_view request_text(const Request& request, std::string& rewritten);
// The same of "name=value" texts.
std::string request_text(const std::vector<std::string>& attributes);

}  // namespace policymux
