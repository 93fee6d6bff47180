using System.Globalization;
using Culvert.Interop;

namespace Culvert.Controller.Hosting;

/// <summary>The descriptors that this process may have.</summary>
internal static class OpenFiles
{
    /// <summary>Fewest that a controller works with: each agent costs it one connection, each folder a watch, and the runtime and the state folder need some.</summary>
    public const int Fewest = 512;

    /// <summary>Raises the limit as far as this process may, and fails when the controller cannot work with that.</summary>
    /// <exception cref="InvalidOperationException">There are too few.</exception>
    public static void Require() => Check(OpenFileLimit.Raise());

    /// <summary>Fails when so many are too few.</summary>
    /// <exception cref="InvalidOperationException">They are.</exception>
    public static void Check(long limit)
    {
        if (limit < Fewest)
        {
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"this process may have {limit} descriptors, and the controller needs {Fewest}; raise the limit: `ulimit -n 65536`, LimitNOFILE= of a service, default-ulimit of the container runtime"));
        }
    }
}
