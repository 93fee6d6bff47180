namespace Culvert.Cli.Checks;

/// <summary>A port that Culvert listens on.</summary>
/// <param name="Number">The port.</param>
/// <param name="Udp">Whether it is one of UDP, not of TCP.</param>
/// <param name="Purpose">What for.</param>
/// <param name="Option">The agent's option that chooses another; null for a port of the controller, which need not run on this machine.</param>
internal sealed record ListenPort(int Number, bool Udp, string Purpose, string? Option)
{
    /// <summary>For people, for example <c>15003/udp</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Number}{(Udp ? "/udp" : "")} ({Purpose})");
}
