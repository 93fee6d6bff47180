using System.Security.Cryptography;

namespace Culvert.NodeAgent.Options;

/// <summary>Runs one step of an agent's start, and says of what the user can mend which option it is about and what to do.</summary>
internal static class StartStep
{
    /// <summary>Runs a step.</summary>
    /// <param name="what">Option and value, or object.</param>
    /// <param name="remedy">What the user can do when it fails.</param>
    /// <param name="step">The step.</param>
    /// <exception cref="AgentStartException">It failed for a reason outside of this program.</exception>
    internal static T Run<T>(string what, string remedy, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception e) when (IsOutside(e))
        {
            throw new AgentStartException(what, e.Message, remedy, e);
        }
    }

    /// <summary>The same for a step that awaits.</summary>
    /// <param name="what">Tells the option by what the system said.</param>
    /// <param name="remedy">What the user can do when it fails.</param>
    /// <param name="step">The step.</param>
    internal static async Task RunAsync(Func<string, string> what, string remedy, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (IsOutside(e))
        {
            throw new AgentStartException(what(e.Message), e.Message, remedy, e);
        }
    }

    /// <summary>The option that a failed listener belongs to, by the address in what the system said; all of them when it says none.</summary>
    internal static string Blame(string reason, params (string Option, string Address)[] candidates)
    {
        (string Option, string Address)[] named = [.. candidates.Where(c => reason.Contains(c.Address, StringComparison.Ordinal))];
        return string.Join(" or ", (named.Length > 0 ? named : candidates).Select(c => $"{c.Option} {c.Address.TrimStart(':')}"));
    }

    // KernelException is an IOException. Kestrel reports some binds as InvalidOperationException, ports that are privileged as SocketException.
    private static bool IsOutside(Exception e) =>
        e is IOException or InvalidDataException or UnauthorizedAccessException or CryptographicException or InvalidOperationException or System.Net.Sockets.SocketException;
}
