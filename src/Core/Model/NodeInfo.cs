using System.Net;

namespace Culvert.Core;

/// <summary>A node of the mesh.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Addresses">Its own addresses; may be empty.</param>
public sealed record NodeInfo(string Name, EquatableArray<IPAddress> Addresses);
