namespace Culvert.NodeAgent.Cni.Install;

/// <summary>Where a node's container runtime looks for networks and plugins.</summary>
/// <param name="Configuration">Folder of networks, such as /etc/cni/net.d.</param>
/// <param name="Programs">Folder of plugins, such as /opt/cni/bin.</param>
internal sealed record CniFolders(string Configuration, string Programs)
{
    private const string Record = "cni-install";

    /// <summary>Path of the plugin.</summary>
    internal string Program => Path.Combine(Programs, Culvert.Cni.CniConfiguration.PluginType);

    /// <summary>Remembers in a run folder where the plugin is, for who removes it when no agent runs.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    internal void Remember(string runFolder) => State.StateFile.Write(Path.Combine(runFolder, Record), System.Text.Encoding.UTF8.GetBytes($"{Configuration}\n{Programs}\n"));

    /// <summary>Whether something is remembered in a run folder.</summary>
    internal static bool IsRemembered(string runFolder) => File.Exists(Path.Combine(runFolder, Record));

    /// <summary>Where the agent of a run folder has put the plugin; null: nowhere.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    internal static CniFolders? Recall(string runFolder) =>
        State.StateFile.Read(Path.Combine(runFolder, Record)) is not { } content ? null
        : System.Text.Encoding.UTF8.GetString(content.Span).Split('\n') is [{ Length: > 0 } configuration, { Length: > 0 } programs, ..] ? new CniFolders(configuration, programs)
        : throw new InvalidDataException($"{Path.Combine(runFolder, Record)} does not name two folders");

    /// <summary>Forgets it.</summary>
    internal static void Forget(string runFolder) => File.Delete(Path.Combine(runFolder, Record));
}
