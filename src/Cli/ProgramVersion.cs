using System.Reflection;

namespace Culvert.Cli;

/// <summary>Which version this program is of.</summary>
internal static class ProgramVersion
{
    /// <summary>With what it was built of.</summary>
    public static string Full { get; } = typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Without: the tag of images.</summary>
    public static string Release { get; } = Full.Split('+')[0];
}
