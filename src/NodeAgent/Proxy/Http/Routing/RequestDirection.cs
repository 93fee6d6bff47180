using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Where one request goes, or what it is answered with in a server's place.</summary>
/// <param name="Hit">The rule that has it; null where there is none, or nothing is routed any more.</param>
/// <param name="Backend">The backend of the rule that was chosen, or null.</param>
/// <param name="Route">How it goes on, where it is not answered.</param>
/// <param name="Refusal">What it is answered with; null: it goes on, or is sent elsewhere (<see cref="IsRedirect"/>).</param>
internal readonly record struct RequestDirection(HttpRouteHit? Hit, HttpRouteBackend? Backend, OutboundRoute Route, RequestRefusal? Refusal)
{
    /// <summary>Whether its client is told to ask elsewhere.</summary>
    internal bool IsRedirect => Hit?.Rule.Filters.Redirect is not null;
}
