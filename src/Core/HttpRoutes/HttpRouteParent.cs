namespace Culvert.Core;

/// <summary>A Service whose requests a route is about; without number and name of a port those to all of its TCP ports.</summary>
/// <param name="Service">The Service, perhaps of another namespace than the route's.</param>
/// <param name="Port">The port's number, or null.</param>
/// <param name="PortName">The port's name, or null.</param>
public sealed record HttpRouteParent(NamespacedName Service, ushort? Port = null, string? PortName = null)
{
    /// <summary>Whether a port of the Service is meant.</summary>
    public bool Covers(ServicePort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        return port.Protocol == TransportProtocol.Tcp && (Port is null || Port == port.Port) && (PortName is null || PortName == port.Name);
    }
}
