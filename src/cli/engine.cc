#include "cli/engine.h"

namespace policymux {

Result<PolicyEngine, std::string> load_engine(const Origins& origins) {
  Diagnostics diagnostics;
  const auto config = read_config(origins, diagnostics);
  if (config) {
    return PolicyEngine::load(policy_path(origins, *config), {.restriction_classes = config->main.restriction_classes,
                                                              .recipient_delimiter = config->main.recipient_delimiter});
  }
  std::string mistakes;
  for (const auto& diagnostic : diagnostics) mistakes += render(diagnostic);
  return Unexpected{std::move(mistakes)};
}

}  // namespace policymux
