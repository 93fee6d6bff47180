namespace Culvert.NodeAgent.Datapath;

/// <summary>A snapshot needs more room in one of the kernel's maps than a generation may take: the one before stays beside it until the change is made.</summary>
internal sealed class GenerationTooLargeException(string map, int entries, long most)
    : IOException($"the snapshot needs {entries:N0} entries of {map}, which has room for {most:N0} of one generation; the one before stays in force");
