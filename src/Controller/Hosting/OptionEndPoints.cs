using System.Net;
using System.Net.Sockets;

namespace Culvert.Controller.Hosting;

/// <summary>Addresses with ports as options have them. Pure.</summary>
internal static class OptionEndPoints
{
    /// <summary>Reads ADDRESS:PORT. An address without a port reads as one with port 0, and <c>fd00::5:15012</c> as an address: both are refused. Port 0 itself takes a free one.</summary>
    /// <param name="option">The option, for messages.</param>
    /// <param name="text">What it was given.</param>
    /// <param name="problems">Takes up what can't be used.</param>
    /// <returns>The address; null: it can't be used.</returns>
    public static IPEndPoint? Read(string option, string text, ICollection<string> problems)
    {
        if (IPEndPoint.TryParse(text, out IPEndPoint? endPoint))
        {
            int port = text.LastIndexOf(':');
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? text.StartsWith('[') && text[port - 1] == ']' : port > 0) return endPoint;
        }
        problems.Add($"{option} takes ADDRESS:PORT, an IPv6 address in brackets, not '{text}'");
        return null;
    }
}
