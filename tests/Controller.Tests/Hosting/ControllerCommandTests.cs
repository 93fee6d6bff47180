using System.Diagnostics;

namespace Culvert.Controller.Tests;

/// <summary>The program itself: what it says to bad input, and with which exit code.</summary>
public sealed class ControllerCommandTests : IDisposable
{
    private const int BadOptions = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly TempFolder _folder = new();

    [Fact]
    public Task RunRefusesAFolderThatIsNotThere() =>
        RefusesAsync(BadOptions, $"--folder '{_folder.File("absent")}' is not a folder", "run", "--folder", _folder.File("absent"), "--state-dir", _folder.File("state"), "--unix-socket", _folder.File("c.sock"));

    public void Dispose() => _folder.Dispose();

    private static async Task RefusesAsync(int code, string reason, params string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "culvert-controller"), args) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(Patience);
        Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
        string output = await process.StandardOutput.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        Assert.Contains(reason, await error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", await error + output, StringComparison.Ordinal);
        Assert.Equal(code, process.ExitCode);
    }
}
