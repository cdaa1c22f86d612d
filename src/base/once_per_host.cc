#include "base/once_per_host.h"

namespace policymux {

bool OncePerHost::first(std::string_view host, SteadyTime now) {
  if (told_.size() >= hosts_remembered) told_.clear();
  const auto [at, is_new] = told_.try_emplace(std::string{host}, now);
  if (!is_new && now - at->second < tell_again_after) return false;
  at->second = now;
  return true;
}

}  // namespace policymux
