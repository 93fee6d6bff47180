using System.Reflection;

namespace Culvert.NodeAgent;

/// <summary>The version of this build.</summary>
public static class AgentVersion
{
    /// <summary>As <c>major.minor.patch[+commit]</c>.</summary>
    public static string Text { get; } =
        typeof(AgentVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
