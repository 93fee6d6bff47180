using System.Globalization;

namespace Culvert.SystemTests.Fixtures;

/// <summary>What programs that a test starts inherit of signals.</summary>
internal static class InheritedSignals
{
    private const string Mask = "SigIgn:";

    /// <summary>Whether they ignore SIGHUP from their start, as below nohup: they never see it then.</summary>
    internal static bool IgnoreHangUp =>
        (ulong.Parse(File.ReadLines("/proc/self/status").Single(l => l.StartsWith(Mask, StringComparison.Ordinal)).AsSpan(Mask.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 1) != 0;
}
