using System.Text.Json;
using Culvert.Labs;

namespace Culvert.Cli.Checks;

/// <summary>Classifiers of others on this machine's interfaces; they see packets before or after the agent's.</summary>
internal static class AttachmentCheck
{
    public static async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        var answer = await Tool.RequireAsync("bpftool", ["-j", "net", "show"], null, null, cancellationToken);
        using var json = JsonDocument.Parse(answer);
        var foreign = json.RootElement.EnumerateArray()
            .SelectMany(entry => entry.EnumerateObject().Where(p => p.Name is "tc" or "xdp"))
            .SelectMany(hook => hook.Value.EnumerateArray())
            .Where(program => !Name(program).StartsWith("cv_", StringComparison.Ordinal))
            .Select(program => $"{Name(program)} on {program.GetProperty("devname")}")
            .ToArray();
        return foreign.Length == 0
            ? [Finding.Ok("tc-programs", "no program of others is attached to an interface")]
            : [Finding.Warning(
                "tc-programs",
                "programs of others are attached: " + string.Join(", ", foreign),
                "another mesh may redirect packets before Culvert sees them: enrol only pods it leaves alone; pods that Cilium connects are captured inside their network namespaces")];
    }

    private static string Name(JsonElement program) => program.TryGetProperty("name", out var name) ? name.ToString() : "(unnamed)";
}
