// Policies and requests made by chance, from few enough names and values that they meet often.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "ask/question.h"

namespace policymux::test {

using Random = std::mt19937_64;

// The text of a policy.conf without mistakes: all kinds of tests, chains, scores, tags, and questions of
// rooms that need not exist. `lines`: how many access lines at the most.
std::string random_policy(Random& random, int lines);

// The text of a request, complete.
std::string random_request(Random& random);

// The answer to a question: always the same one for the same question and salt.
Answer oracle_answer(const Definition& definition, std::string_view key, std::uint64_t salt);

}  // namespace policymux::test
