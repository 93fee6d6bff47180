using System.Diagnostics;
using Culvert.Hosting;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>Who can keep an agent from starting by holding its lock.</summary>
[Trait("Category", "Attack")]
public sealed class AgentLockTests : IDisposable
{
    private const string Nobody = "65534";
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-lock").FullName;

    private string LockPath => Path.Combine(_folder, "agent.lock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TwoAgentsDoNotShareAFolder()
    {
        using (Take()) Assert.Throws<AgentStartException>(() => Take().Dispose());
        using LockFile again = Take();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LockPath));
    }

    [Fact]
    public void AnOpenFolderIsClosed()
    {
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_111_111);
        using LockFile taken = Take();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder));
    }

    [Fact]
    public void ALinkInPlaceOfTheLockIsNotFollowed()
    {
        string victim = Path.Combine(_folder, "victim");
        File.WriteAllText(victim, "x");
        File.SetUnixFileMode(victim, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        File.CreateSymbolicLink(LockPath, victim);
        using LockFile taken = Take();
        Assert.Null(new FileInfo(LockPath).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.OtherRead, File.GetUnixFileMode(victim));
    }

    [Fact]
    public async Task AnotherUserWhoHoldsTheLockKeepsNoAgentFromStarting()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to run as another user");
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_111_111);
        await File.WriteAllTextAsync(LockPath, "", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(LockPath, (UnixFileMode)0b110_110_110);
        using Process holder = Process.Start(new ProcessStartInfo("setpriv", ["--reuid", Nobody, "--regid", Nobody, "--clear-groups", "flock", "-n", LockPath, "sh", "-c", "echo held; read line"])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        })!;
        try
        {
            Assert.Equal("held", await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            using LockFile taken = Take();
            Assert.Throws<AgentStartException>(() => Take().Dispose());
        }
        finally
        {
            holder.StandardInput.Close();
            await holder.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void AFolderOfAnotherUserIsRefused()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to give a folder away");
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "run")).FullName;
        using (Process chown = Process.Start("chown", [Nobody, folder])) chown.WaitForExit();
        Assert.Contains("belongs to user 65534", Assert.Throws<AgentStartException>(() => AgentLock.Take(folder, NullLogger.Instance).Dispose()).Message, StringComparison.Ordinal);
    }

    private LockFile Take() => AgentLock.Take(_folder, NullLogger.Instance);
}
