using Culvert.Hosting;
using Culvert.Interop;

namespace Culvert.Controller.Hosting;

/// <summary>The descriptors that this process may have.</summary>
internal static class OpenFiles
{
    /// <summary>Fewest that a controller works with: each agent costs it one connection, each folder a watch, and the runtime and the state folder need some.</summary>
    public const int Fewest = 512;

    /// <summary>Raises the limit as far as this process may, and fails when the controller cannot work with that.</summary>
    /// <exception cref="InvalidOperationException">There are too few.</exception>
    public static void Require()
    {
        if (DescriptorLimit.Shortage(OpenFileLimit.Raise(), Fewest, "controller") is { } shortage) throw new InvalidOperationException($"{shortage}; {DescriptorLimit.Remedy}");
    }
}
