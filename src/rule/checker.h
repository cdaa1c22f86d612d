// From statements to a policy: what names mean, which options and values a type takes, which actions Postfix
// understands. One part for each statement; they run in the order below, since each needs the names of those
// before it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "rule/checker_context.h"
#include "rule/parser.h"
#include "rule/policy.h"

namespace policymux {

// Everything. The policy is whole only if the report has no errors.
Policy check_policy(const Statements& statements, Files& files, const LoadOptions& options, Report& report);

// --- the parts ----------------------------------------------------------------------------------------------

void define_acl(CheckerContext& context, const AclStatement& statement);
// What acls say about other acls: members of any, all and none, and ${acl.NAME} in the texts of log.
void resolve_acls(CheckerContext& context);
void define_action(CheckerContext& context, const ActionStatement& statement);
void add_access(CheckerContext& context, const AccessStatement& statement);
// Chains that call each other in circles, too deep, or never.
void check_chains(CheckerContext& context, std::span<const ChainStatement> statements);

// --- shared by them -----------------------------------------------------------------------------------------

inline constexpr std::size_t most_tests = 1'000;  // of one access line; members of one any, all or none

// "name" or "!name". nullopt: an error was told.
std::optional<Term> resolve_term(CheckerContext& context, std::string_view text, const Origin& at);

// Text with ${...}. Mistakes are told at place(offset).
using PlaceOf = std::function<Place(std::size_t)>;
Template make_template(CheckerContext& context, std::string_view text, const PlaceOf& place);

// "a, then b, then a", where ", then " is `link`; of a long cycle only the beginning.
std::string cycle_text(std::span<const std::uint32_t> cycle, std::string_view link,
                       const std::function<std::string(std::uint32_t)>& name);

// LANGUAGE: "What the client controls may not choose routes". Tells an error of the first part that may not stand in
// FILTER, REDIRECT and BCC.
void check_route(CheckerContext& context, const Template& route, const Place& at);

}  // namespace policymux
