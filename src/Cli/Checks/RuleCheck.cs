using System.Globalization;
using System.Text.Json;
using Culvert.Core;
using Culvert.Labs;
using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Checks;

/// <summary>Routing rules and tables of others that use the agent's packet marks or its table.</summary>
internal static class RuleCheck
{
    private const string Local = "local";

    // Where agents put the rule for what they capture (CaptureRoutes).
    private const long LastOfAgents = 2;

    private static readonly string Table = AgentOptionsDefaults.RouteTable.ToString(CultureInfo.InvariantCulture);

    public static async Task<IReadOnlyList<Finding>> RunAsync(PacketMarks marks, bool agentRuns, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        foreach (var family in new[] { "-4", "-6" })
        {
            var rules = await Tool.RequireAsync("ip", [family, "-j", "rule", "show"], null, null, cancellationToken);
            findings.AddRange(EvaluateAll(family, rules, marks, agentRuns));
        }

        return findings.Count > 0
            ? findings
            : [Finding.Ok("rules", agentRuns ? "the agent's routing rules are there, and no other uses its marks or table" : "no routing rule uses the agent's marks or table")];
    }

    /// <summary>The marks of the agent that has rules here; where none has, those that it will be given.</summary>
    public static async Task<PacketMarks> MarksInUseAsync(PacketMarks marks, CancellationToken cancellationToken)
    {
        foreach (var family in new[] { "-4", "-6" })
        {
            using var json = JsonDocument.Parse(await Tool.RequireAsync("ip", [family, "-j", "rule", "show"], null, null, cancellationToken));
            List<JsonElement> own = [.. json.RootElement.EnumerateArray().Where(rule => Text(rule, "table") == Table)];
            if (own.Exists(HasMark)) return MarksOf(own, marks);
        }

        return marks;
    }

    /// <summary>What is wrong with the rules of one family.</summary>
    /// <param name="family">-4 or -6.</param>
    /// <param name="rules">What `ip -j rule show` prints.</param>
    /// <param name="marks">The agent's marks, where no rule of its own tells them.</param>
    /// <param name="agentRuns">Whether the agent's own have to be there.</param>
    internal static IReadOnlyList<Finding> EvaluateAll(string family, string rules, PacketMarks marks, bool agentRuns)
    {
        using var json = JsonDocument.Parse(rules);
        var all = json.RootElement.EnumerateArray().ToList();
        var own = all.Where(rule => Text(rule, "table") == Table).ToList();
        var bits = MarksOf(own, marks);
        var findings = all.Select(rule => Evaluate(family, rule, bits, agentRuns)).OfType<Finding>().ToList();
        var last = own.Where(rule => Text(rule, "iif") != "lo" && HasMark(rule)).Select(Priority).DefaultIfEmpty(LastOfAgents).Max();
        findings.AddRange(all.Where(rule => IsBefore(rule, last)).Select(rule => Finding.Warning(
            "rules", $"`ip {family} rule` {rule.GetRawText()} comes before the agent's: captured packets that it matches go where it leads", $"give it a priority above {Math.Max(last, LastOfAgents) + 1}")));
        if (agentRuns && !AreComplete(own))
        {
            findings.Add(Finding.Error(
                "rules", $"the agent's rules are missing from `ip {family} rule` (table {Table}): what needs the proxy goes nowhere", "see in the agent's log why it does not put them back, and what removes them; a restart of the agent makes them too"));
        }

        return findings;
    }

    private static PacketMarks MarksOf(List<JsonElement> own, PacketMarks marks) => own.Exists(HasMark) ? new PacketMarks(Mask(own.Find(HasMark))) : marks;

    // What is of the machine itself, and what is for its own programs' packets, captures nothing.
    private static bool IsBefore(JsonElement rule, long last) =>
        Text(rule, "table") is var table && table != Local && table != Table && (Text(rule, "iif") != "lo" || rule.TryGetProperty("not", out _)) && !rule.TryGetProperty("nop", out _) && Priority(rule) <= last;

    private static Finding? Evaluate(string family, JsonElement rule, PacketMarks marks, bool agentRuns)
    {
        var table = Text(rule, "table");
        if (table == Table)
        {
            return agentRuns
                ? null
                : Finding.Warning("rules", $"`ip {family} rule` {rule.GetRawText()} is a leftover of an agent", "run `culvert detach --all`, or start the agent, which takes it over");
        }

        return HasMark(rule) && (Number(Text(rule, "fwmark")) & Mask(rule) & marks.Mask) != 0
            ? Finding.Warning("rules", $"`ip {family} rule` {rule.GetRawText()} uses mark bits of the agent ({marks})", $"give the other program marks outside {marks}, or the agent two other bits (--mark-mask)")
            : null;
    }

    // What is captured looks in the table; packets of the node's own go past that rule, to one behind it.
    private static bool AreComplete(List<JsonElement> own)
    {
        var captured = own.Where(rule => !rule.TryGetProperty("goto", out _) && !rule.TryGetProperty("nop", out _) && Text(rule, "action").Length == 0).ToList();
        return captured.Count > 0 && captured.TrueForAll(rule => own.Exists(guard =>
            Text(guard, "fwmark") == Text(rule, "fwmark") && Text(guard, "iif") == "lo"
            && guard.TryGetProperty("goto", out var target) && Priority(guard) < Priority(rule) && Priority(rule) < target.GetInt64()
            && own.Exists(behind => behind.TryGetProperty("nop", out _) && Priority(behind) == target.GetInt64())));
    }

    private static bool HasMark(JsonElement rule) => Text(rule, "fwmark").Length > 0;

    private static uint Mask(JsonElement rule) => Text(rule, "fwmask") is { Length: > 0 } text ? Number(text) : uint.MaxValue;

    private static long Priority(JsonElement rule) => rule.GetProperty("priority").GetInt64();

    private static string Text(JsonElement rule, string name) => rule.TryGetProperty(name, out var value) ? value.ToString() : "";

    // ip(8) writes numbers only; what this program can't read is taken to use every bit, so that it is told.
    private static uint Number(string text) => PacketMark.TryParse(text, out uint number) ? number : uint.MaxValue;
}
