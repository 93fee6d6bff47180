using System.Diagnostics;

namespace Culvert.Cli.Removal;

/// <summary>
/// Removes what an agent keeps in its run folder: sockets, its lock, its lists of interfaces, of pods' namespaces and of what container runtimes have told, a snapshot that its disk did not take, and the certificates and keys of workloads, which nobody needs once nothing is
/// enrolled. Files of others are left, and so is a folder that holds some.
/// </summary>
internal static class RunFolderRemoval
{
    private const int Held = 11; // EAGAIN of flock(2)
    private static readonly string[] Sockets = ["agent.sock", "cni.sock", "controller.sock", "handover.sock"];
    private static readonly string[] Lists = ["interfaces", "interfaces.new", "spaces", "spaces.new", "undelivered", "undelivered.new"];
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until no agent uses the folder, which one that was told to stop does for a moment, and removes.</summary>
    /// <param name="runFolder">The run folder; there may be none.</param>
    /// <param name="patience">How long to wait for an agent at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was removed, one line each.</returns>
    /// <exception cref="IOException">An agent still uses the folder, or something could not be removed.</exception>
    public static async Task<IReadOnlyList<string>> RunAsync(string runFolder, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(runFolder))
        {
            return [];
        }

        var removed = new List<string>();
        var lockFile = Path.Combine(runFolder, "agent.lock");
        if (File.Exists(lockFile))
        {
            // Until it is removed it is held, so that no agent starts on a folder that is being emptied.
            await using var held = await TakeAsync(lockFile, patience, cancellationToken);
            RemoveSvids(Path.Combine(runFolder, "svids"), removed);
            RemoveFile("lock", lockFile, removed);
        }
        else
        {
            RemoveSvids(Path.Combine(runFolder, "svids"), removed);
        }

        foreach (var list in Lists)
        {
            RemoveFile("list", Path.Combine(runFolder, list), removed);
        }

        RemoveAttachments(Path.Combine(runFolder, "cni"), removed);
        foreach (var socket in Sockets)
        {
            RemoveFile("socket", Path.Combine(runFolder, socket), removed);
        }

        foreach (var snapshot in Directory.GetFiles(runFolder, "snapshot.pb*"))
        {
            RemoveFile("snapshot", snapshot, removed);
        }

        RemoveEmptyFolder(runFolder, removed);
        return removed;
    }

    // The kernel tells nobody when a lock is released, and .NET cannot wait in flock(2): hence the steps.
    private static async Task<FileStream> TakeAsync(string path, TimeSpan patience, CancellationToken cancellationToken)
    {
        var started = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.HResult == Held)
            {
                if (started.Elapsed >= patience)
                {
                    throw new IOException($"an agent still uses {Path.GetDirectoryName(path)}; stop it and try again", e);
                }
            }

            await Task.Delay(Step, cancellationToken);
        }
    }

    // Only what an agent writes: the folder is named by an option, and the name of this one is no proof.
    private static void RemoveSvids(string folder, List<string> removed)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (var file in Directory.GetFiles(folder, "*.pem").Concat(Directory.GetFiles(folder, "*.pem.new")))
        {
            RemoveFile("certificate and key", file, removed);
        }

        RemoveEmptyFolder(folder, removed);
    }

    // What container runtimes have told of pods.
    private static void RemoveAttachments(string folder, List<string> removed)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (var file in Directory.GetFiles(folder, "*.json*"))
        {
            RemoveFile("list", file, removed);
        }

        RemoveEmptyFolder(folder, removed);
    }

    private static void RemoveFile(string kind, string path, List<string> removed)
    {
        if (File.Exists(path))
        {
            File.Delete(path);
            removed.Add($"{kind} {path}");
        }
    }

    private static void RemoveEmptyFolder(string folder, List<string> removed)
    {
        if (!Directory.EnumerateFileSystemEntries(folder).Any() && !MountPoint.Is(folder))
        {
            Directory.Delete(folder);
            removed.Add("folder " + folder);
        }
    }
}
