using System.Diagnostics;
using System.Runtime.InteropServices;
using Culvert.Cli.CommandLine;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Cli.Tests;

/// <summary>The command line as kubectl finds it: as <c>kubectl-culvert</c>, a link to it, on PATH (eng/build-cli.sh).</summary>
public sealed class KubectlPluginTests
{
    [Fact]
    public async Task Kubectl_runs_it_and_hands_on_its_output_and_exit_code()
    {
        var (code, output, error) = await RunAsync("version", "--admin-socket", "/nonexistent/agent.sock");
        Assert.True(code == (int)ExitCode.Ok, error);
        Assert.Equal([$"culvert {ProgramVersion.Full}", "agent   none running"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(" (")[0]));

        (code, _, error) = await RunAsync("flowz");
        Assert.Equal((int)ExitCode.Usage, code);
        Assert.Contains("flowz", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubectl culvert [command] [options]", null)]
    [InlineData("kubectl culvert version [options]", "kubectl culvert version -o json", "version")]
    [InlineData("kubectl culvert detach [options]", "sudo kubectl culvert detach --all", "detach")]
    public async Task Help_has_what_people_type(string usage, string? example, params string[] command)
    {
        var (code, output, error) = await RunAsync([.. command, "--help"]);
        Assert.True(code == (int)ExitCode.Ok, error);
        Assert.Contains($"Usage:\n  {usage}\n", output, StringComparison.Ordinal);
        if (example is not null) Assert.Contains($"Examples:\n  {example}", output, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        using var folder = new TempFolder();
        File.CreateSymbolicLink(folder.File("kubectl-culvert"), Path.Combine(AppContext.BaseDirectory, "culvert"));
        var start = new ProcessStartInfo(KubernetesBinaries.Of("kubectl"), ["culvert", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = folder.Path;
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        using var kubectl = Process.Start(start)!;
        var (output, error) = (kubectl.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), kubectl.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await Soon.Ends(Task.WhenAll(output, error, kubectl.WaitForExitAsync(TestContext.Current.CancellationToken)));
        return (kubectl.ExitCode, await output, await error);
    }
}
