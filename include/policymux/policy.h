// The rule engine alone, for programs that want its decisions without the daemon: load a policy.conf, evaluate
// requests, explain them. Nothing outside is asked: a test that would have to (DNS, a service, ...) is UNKNOWN.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/request.h>
#include <policymux/result.h>

namespace policymux {

struct PolicyOptions {
  std::vector<std::string> restriction_classes{};  // Postfix's smtpd_restriction_classes of this site
  std::string recipient_delimiter{"+"};            // any of these characters ends a local part's name
};

// A compiled policy.   Threads: one at a time; load one each to have several.
class PolicyEngine {
 public:
  // Reads policy.conf and all that it includes. The error is every mistake of it, ready to be shown: lines
  // of "path:line:column: error: text", each with the source line and a caret. Blocks on disk I/O.
  static Result<PolicyEngine, std::string> load(const std::string& path, const PolicyOptions& options = {});

  PolicyEngine(PolicyEngine&&) noexcept;
  PolicyEngine& operator=(PolicyEngine&&) noexcept;
  ~PolicyEngine();

  // The action, as it stands behind "action=": "REJECT Go away". Valid until the next call.
  // Cost: what the request matches; no allocation unless the action has ${...}.
  std::string_view evaluate(const Request& request);

  // Why: every access line with the truth of each of its tests, then the decision. For people.
  std::string explain(const Request& request);

  std::size_t lines() const;  // access lines

 private:
  struct Parts;
  explicit PolicyEngine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The text of one request ("name=value" lines; the closing empty line may be missing) as a Request that refers
// to `text`. Arrived now. The error says what is malformed. For many requests on a stream: proto/parser.h.
Result<Request, std::string> parse_request(std::string& text);

}  // namespace policymux
