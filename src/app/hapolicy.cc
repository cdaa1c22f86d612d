#include "app/hapolicy.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <policymux/action.h>

#include "base/text.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

constexpr std::string_view name = "hapolicy";
constexpr std::chrono::seconds total_time{90};
constexpr double any_number = std::numeric_limits<std::uint32_t>::max();
constexpr double largest_weight = 65535;
constexpr double weight_unit = 1000;  // parts of a weight that is not whole

// Everything up to the next colon, taken off `rest` with it; "[...]" hides colons. nullopt: nothing is left.
std::optional<std::string_view> take_part(std::optional<std::string_view>& rest) {
  if (!rest) return std::nullopt;
  const auto text = *rest;
  const auto bracket = text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0;
  const auto colon = text.find(':', bracket);
  if (colon == text.npos) rest.reset();
  else rest = text.substr(colon + 1);
  return text.substr(0, colon);
}

// A port by number, or by its name in /etc/services.
std::optional<std::uint16_t> port_of(std::string_view text) {
  if (const auto number = parse_number(text)) {
    if (*number == 0 || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
  }
  const auto* entry = ::getservbyname(std::string{text}.c_str(), "tcp");
  if (entry == nullptr) return std::nullopt;
  return ntohs(static_cast<std::uint16_t>(entry->s_port));
}

Result<Endpoint, std::string> endpoint_of(std::string_view address, std::string_view port) {
  if (address == "unix") return parse_endpoint(fmt::format("unix:{}", port));
  const auto number = port_of(port);
  if (address.empty() || !number) return Problem{"want ADDRESS:PORT"};
  return parse_endpoint(fmt::format("inet:{}:{}", address, *number));
}

// As Perl reads numbers: blanks around it, a sign, a fraction, an exponent. Nothing, or 0: the default. nullopt: not a
// number.
std::optional<double> number_of(std::optional<std::string_view> part, double by_default) {
  auto text = trim(part.value_or(""));
  if (text.empty()) return by_default;
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = 0;
  const auto* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || last != end || !std::isfinite(number)) return std::nullopt;
  return number == 0 ? by_default : number;
}

bool is_amount(std::optional<double> number, double most) { return number && *number > 0 && *number <= most; }

// What is not valid is left out; of one name the last one counts, in the place of the first.
std::vector<HapolicyService> services_of(const std::vector<std::string>& texts, std::vector<std::string>& warnings) {
  std::vector<HapolicyService> services;
  for (const auto& text : texts) {
    auto service = parse_hapolicy_service(text);
    if (!service) {
      warnings.push_back(std::move(service).error());
      continue;
    }
    const auto is_same = [&](const auto& other) { return other.settings.name == service->settings.name; };
    const auto same = std::ranges::find_if(services, is_same);
    if (same == services.end()) services.push_back(*std::move(service));
    else *same = *std::move(service);
  }
  return services;
}

bool is_whole(double number) { return number == std::floor(number); }

// Weights as they are where all are whole numbers and none is too large; otherwise in the same proportion.
void weigh(const std::vector<HapolicyService*>& equals) {
  double largest = 1;
  bool all_whole = true;
  for (const auto* service : equals) {
    largest = std::max(largest, service->weight);
    all_whole = all_whole && is_whole(service->weight);
  }
  const auto scale = std::min(all_whole ? 1 : weight_unit, largest_weight / largest);
  for (auto* service : equals) {
    service->settings.weight = static_cast<std::uint32_t>(std::max(1.0, std::round(service->weight * scale)));
  }
}

// Priorities as they are, since log lines show them, where all are numbers that ours may be; otherwise places in their
// order.
void rank(std::vector<HapolicyService>& services) {
  std::map<double, std::vector<HapolicyService*>> tiers;
  for (auto& service : services) tiers[service.priority].push_back(&service);
  const bool as_given = std::ranges::all_of(tiers, [](const auto& tier) {
    return is_whole(tier.first) && tier.first >= 0 && tier.first <= any_number;
  });
  std::uint32_t place = 0;
  for (const auto& [priority, equals] : tiers) {
    ++place;
    for (auto* service : equals) service->settings.priority = as_given ? static_cast<std::uint32_t>(priority) : place;
    weigh(equals);
  }
}

// hapolicy passes anything on; what Postfix would misunderstand is not for us to say.
std::string checked_default(const std::string& action, std::vector<std::string>& warnings) {
  const auto checked = check_action(action, {.foreign = true});
  if (checked) return checked->text;
  warnings.push_back(fmt::format("ignoring invalid default action {}: {}", in_quotes(action), checked.error()));
  return HapolicyOptions{}.default_action;
}

// Every request is asked about. A service that answers DUNNO has answered: then nothing is left to do, and that is the
// answer, whatever the default action says; only how the word is written is the default action's.
std::string policy_text(std::string_view default_action) {
  const bool dunno = verb_of(default_action) == Verb::dunno;
  return fmt::format("acl all score >=0\naction ask POLICY {}\naction default {}\naccess all ask\n", name,
                     dunno ? default_action.substr(0, default_action.find(' ')) : "DUNNO");
}

}  // namespace

Result<HapolicyService, std::string> parse_hapolicy_service(std::string_view text) {
  const auto invalid = [text](std::string_view why) {
    return Problem{fmt::format("ignoring invalid service {}: {}", in_quotes(text), why)};
  };
  const auto equals = text.find('=');
  if (equals == 0 || equals == text.npos) return invalid("want NAME=ADDRESS:PORT");
  std::optional rest{text.substr(equals + 1)};
  const auto address = *take_part(rest);
  const auto port = take_part(rest);
  const auto endpoint = endpoint_of(address, port.value_or(""));
  if (!endpoint) return invalid(endpoint.error());
  const auto priority = number_of(take_part(rest), 10);
  const auto weight = number_of(take_part(rest), 1);
  const auto timeout = number_of(take_part(rest), 30);
  if (!priority || !is_amount(weight, any_number) || !is_amount(timeout, any_number)) {
    return invalid("priority, weight and timeout are numbers");
  }
  const std::chrono::duration<double> patience{*timeout};
  return HapolicyService{.settings = {.name = std::string{text.substr(0, equals)},
                                      .address = *endpoint,
                                      .group = std::string{name},
                                      .timeout = std::chrono::ceil<milliseconds>(patience)},
                         .priority = *priority,
                         .weight = *weight};
}

HapolicySetup hapolicy_setup(const HapolicyOptions& options) {
  HapolicySetup setup{.config = default_config()};
  auto services = services_of(options.services, setup.warnings);
  rank(services);
  for (auto& service : services) setup.config.services.push_back(std::move(service.settings));
  const auto default_action = checked_default(options.default_action, setup.warnings);
  auto& group = setup.config.groups.emplace_back();
  group.name = name;
  group.default_action = default_action;
  group.deadline = total_time;
  setup.config.main.deadline = total_time + std::chrono::seconds{1};  // the group's answer comes first
  setup.config.main.syslog_name = name;
  setup.config.main.log_level = options.verbose ? Level::debug : options.logging ? Level::info : Level::warning;
  setup.config.main.log_decisions = options.verbose ? LogDecisions::all : LogDecisions::none;
  setup.policy = policy_text(default_action);
  return setup;
}

}  // namespace policymux
