using Culvert.Cli.Admin;
using Culvert.Cli.Checks.Network;

namespace Culvert.Cli.Checks;

/// <summary>Runs every check. A check that cannot be made is itself a finding, so that one never hides the others.</summary>
internal static class CheckRunner
{
    public static async Task<CheckReport> RunAsync(CheckOptions options, CancellationToken cancellationToken)
    {
        var agentRuns = await AgentAnswersAsync(options.AdminSocket, cancellationToken);
        var findings = new List<Finding>
        {
            agentRuns
                ? Finding.Ok("agent", $"an agent answers on {options.AdminSocket}")
                : Finding.Ok("agent", $"no agent runs ({options.AdminSocket} does not answer)"),
        };
        await AddAsync(findings, "kernel", () => Task.FromResult(KernelCheck.Run(options.BpfFolder)));
        await AddAsync(findings, "privileges", () => Task.FromResult(PrivilegeCheck.Run()));
        await AddAsync(findings, "programs", () => Task.FromResult(ProgramCheck.Run(AppContext.BaseDirectory)));
        await AddAsync(findings, "openssl", () => Task.FromResult(OpenSslCheck.Run()));
        await AddAsync(findings, "ports", () => Task.FromResult(PortCheck.Run(agentRuns)));
        await AddAsync(findings, "rules", () => RuleCheck.RunAsync(options.Marks, agentRuns, cancellationToken));
        await AddAsync(findings, "tc-programs", () => Task.FromResult(AttachmentCheck.Run()));
        await AddAsync(findings, "network", async () => await NetworkEngineCheck.RunAsync(await RuleCheck.MarksInUseAsync(options.Marks, cancellationToken), cancellationToken));
        await AddAsync(findings, "clock", () => ClockCheck.RunAsync(options.Controller, cancellationToken));
        await AddAsync(findings, "trust-bundle", () => TrustBundleCheck.RunAsync(options.AdminSocket, agentRuns, cancellationToken));
        await AddAsync(findings, "limits", () => Task.FromResult(LimitCheck.Run()));
        return new CheckReport(findings.TrueForAll(f => f.Level != FindingLevel.Error), findings);
    }

    private static async Task AddAsync(List<Finding> findings, string check, Func<Task<IReadOnlyList<Finding>>> run)
    {
        try
        {
            findings.AddRange(await run());
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            findings.Add(Finding.Warning(check, "could not be looked at: " + e.Message, "run as root, with iproute2 installed"));
        }
    }

    private static async Task<bool> AgentAnswersAsync(string socket, CancellationToken cancellationToken)
    {
        if (!File.Exists(socket))
        {
            return false;
        }

        try
        {
            using var admin = new AdminClient(socket);
            await admin.StatusAsync(cancellationToken);
            return true;
        }
        catch (CliException)
        {
            return false;
        }
    }
}
