namespace Culvert.NodeAgent.Hosting;

/// <summary>Makes sure that one agent at a time uses a run folder. Released when the process ends, however it ends.</summary>
internal sealed class AgentLock : IDisposable
{
    private readonly FileStream _file;

    private AgentLock(FileStream file) => _file = file;

    private const int Held = 11; // EAGAIN of flock(2)

    /// <exception cref="AgentStartException">Another agent holds it.</exception>
    /// <exception cref="IOException">It can't be made.</exception>
    internal static AgentLock Take(string runFolder)
    {
        string path = Path.Combine(runFolder, "agent.lock");
        try
        {
            FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new AgentLock(file);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new AgentStartException($"--run-dir {runFolder}", "another agent uses it", "stop that one, or give this one a folder of its own", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
