#include "rule/load.h"

#include "rule/checker.h"
#include "rule/parser.h"
#include "rule/report.h"

namespace policymux {

Loaded load_policy(Files& files, const std::string& path, const LoadOptions& options) {
  Report report;
  const auto statements = parse_policy(files, path, report);
  auto policy = check_policy(statements, files, options, report);
  Loaded loaded{.lists = policy.lists, .flawed_lists = report.flawed_lists()};
  if (!report.has_errors()) loaded.policy = std::move(policy);
  loaded.diagnostics = report.take();
  return loaded;
}

}  // namespace policymux
