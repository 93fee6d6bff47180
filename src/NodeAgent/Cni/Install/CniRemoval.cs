namespace Culvert.NodeAgent.Cni.Install;

/// <summary>Takes the CNI plugin away that an agent which is gone has put into a node. Thread-safe, while no agent runs.</summary>
public static class CniRemoval
{
    /// <summary>Removes it from the configuration of networks and from the folder of plugins, which the run folder remembers.</summary>
    /// <param name="runFolder">The agent's run folder.</param>
    /// <returns>What was removed, one line each.</returns>
    /// <exception cref="IOException">Something can't be read, written or removed.</exception>
    /// <exception cref="InvalidDataException">What the run folder remembers is damaged.</exception>
    public static IReadOnlyList<string> Remove(string runFolder) => CniFolders.Recall(runFolder) is { } folders ? CniInstaller.Remove(folders, runFolder) : [];
}
