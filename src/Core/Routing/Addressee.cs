namespace Culvert.Core;

/// <summary>Whom an address and port mean, before a backend is chosen.</summary>
/// <param name="Kind">What is there.</param>
/// <param name="Service">The Service that has the address; null when none has it or it is excluded.</param>
/// <param name="Port">The Service's port; null unless <see cref="Kind"/> is <see cref="AddresseeKind.ServicePort"/>.</param>
public readonly record struct Addressee(AddresseeKind Kind, ServiceInfo? Service = null, ServicePort? Port = null);
