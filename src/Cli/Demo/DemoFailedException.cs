using System.Diagnostics.CodeAnalysis;

namespace Culvert.Cli.Demo;

/// <summary>A step of the demo did not show what it should.</summary>
internal sealed class DemoFailedException(string message) : Exception(message)
{
    /// <summary>Throws when something is not as it should be.</summary>
    public static void ThrowUnless([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            throw new DemoFailedException(message);
        }
    }
}
