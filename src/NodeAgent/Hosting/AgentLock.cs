namespace Culvert.NodeAgent.Hosting;

/// <summary>Makes sure that one agent at a time uses a run folder. Released when the process ends, however it ends.</summary>
internal sealed class AgentLock : IDisposable
{
    private readonly FileStream _file;

    private AgentLock(FileStream file) => _file = file;

    /// <exception cref="InvalidOperationException">Another agent holds it; the message says which.</exception>
    internal static AgentLock Take(string runFolder)
    {
        string path = Path.Combine(runFolder, "agent.lock");
        try
        {
            FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new AgentLock(file);
        }
        catch (IOException e) when (e is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new InvalidOperationException($"another agent uses {runFolder} ({e.Message}); stop it, or give this one another --run-dir", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
