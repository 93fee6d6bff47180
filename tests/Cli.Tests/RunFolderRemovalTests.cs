using Culvert.Cli.Removal;

namespace Culvert.Cli.Tests;

public sealed class RunFolderRemovalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cv-run-").FullName;

    private string Key => Path.Combine(_folder, "svids", "0123.pem");

    private string Lock => Path.Combine(_folder, "agent.lock");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Fact]
    public async Task Keys_lock_sockets_lists_and_the_folder_are_removed()
    {
        Write(Key, Key + ".new", Lock, Path.Combine(_folder, "agent.sock"), Path.Combine(_folder, "interfaces"));

        var removed = await RunFolderRemoval.RunAsync(_folder, TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.False(Directory.Exists(_folder));
        Assert.Contains("certificate and key " + Key, removed);
        Assert.Contains("lock " + Lock, removed);
    }

    [Fact]
    public async Task Keys_of_an_agent_whose_lock_is_gone_are_removed()
    {
        Write(Key);

        await RunFolderRemoval.RunAsync(_folder, TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.False(Directory.Exists(_folder));
    }

    [Fact]
    public async Task Files_of_others_stay()
    {
        var other = Path.Combine(_folder, "svids", "notes.txt");
        Write(Key, other, Lock);

        await RunFolderRemoval.RunAsync(_folder, TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.Equal([other], Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task An_agent_that_still_runs_is_waited_for()
    {
        Write(Key);
        var held = new FileStream(Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

        var refused = await Assert.ThrowsAsync<IOException>(() => RunFolderRemoval.RunAsync(_folder, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Key));
        var removal = RunFolderRemoval.RunAsync(_folder, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await held.DisposeAsync();
        await removal;

        Assert.Contains("an agent still uses " + _folder, refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder));
    }

    private static void Write(params string[] files)
    {
        foreach (var file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
        }
    }
}
