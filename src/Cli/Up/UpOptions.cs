using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Up;

/// <summary>What <c>culvert up</c> runs.</summary>
internal sealed record UpOptions
{
    /// <summary>Folder of YAML and JSON with the objects.</summary>
    public required string ObjectFolder { get; init; }

    /// <summary>The agent, its controller being the socket in its run folder.</summary>
    public required AgentOptions Agent { get; init; }

    /// <summary>Socket between the two.</summary>
    public string ControllerSocket => SocketIn(Agent.RunFolder);

    /// <summary>Keys of the built-in authority.</summary>
    public string ControllerState => Path.Combine(Agent.StateFolder, "controller");

    /// <summary>The controller's socket in a run folder.</summary>
    public static string SocketIn(string runFolder) => Path.Combine(runFolder, "controller.sock");
}
