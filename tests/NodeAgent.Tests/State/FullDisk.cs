using System.Diagnostics;

namespace Culvert.NodeAgent.Tests.State;

/// <summary>A file system of 64 KiB of its own, which a test fills and empties. Needs root.</summary>
internal sealed class FullDisk : IDisposable
{
    internal FullDisk()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to mount");
        Folder = Directory.CreateTempSubdirectory("culvert-full").FullName;
        Run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "culvert-test", Folder);
    }

    internal string Folder { get; }

    private string Filler => Path.Combine(Folder, "filler");

    /// <summary>Leaves no byte; files that are there can be read and deleted.</summary>
    internal void Fill()
    {
        using FileStream file = new(Filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] page = new byte[4096];
        IOException full = Assert.ThrowsAny<IOException>(() =>
        {
            for (int i = 0; i < 1024; i++) file.Write(page);
        });
        Assert.Contains("space", full.Message, StringComparison.Ordinal);
    }

    internal void Empty() => File.Delete(Filler);

    public void Dispose()
    {
        Run("umount", "-l", Folder);
        Directory.Delete(Folder);
    }

    private static void Run(string program, params string[] args)
    {
        using Process process = Process.Start(program, args);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
