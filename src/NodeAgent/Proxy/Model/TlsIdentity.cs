using Culvert.Core;
using Culvert.Interop.Tls;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// What one identity presents at one time. A rotation, or another trust bundle, makes a new object: tunnels made with an older
/// one drain.
/// </summary>
/// <param name="Id">The identity.</param>
/// <param name="Client">For opening tunnels.</param>
/// <param name="Server">For accepting tunnels.</param>
internal sealed record TlsIdentity(SpiffeId Id, TlsContext Client, TlsContext Server);
