#include "app/value_checks.h"

#include <policymux/action.h>
#include <policymux/request.h>

#include "match/address.h"
#include "upstream/program.h"

namespace policymux {
namespace {

template <class T>
ValueChecks::Flaw flaw_of(const Result<T, std::string>& checked) {
  return checked ? ValueChecks::Flaw{} : checked.error();
}

std::vector<std::string_view> attribute_names() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < attribute_count; ++i) names.push_back(attribute_name(static_cast<Attribute>(i)));
  return names;
}

}  // namespace

ValueChecks value_checks() {
  return {.network = [](std::string_view network) { return flaw_of(parse_address_range(network)); },
          .action = [](std::string_view action, const std::vector<std::string>& classes) {
            return flaw_of(check_action(action, {.restriction_classes = classes}));
          },
          .program = [](const Config::Service& service) { return flaw_of(program_of(service)); },
          .attributes = attribute_names()};
}

}  // namespace policymux
