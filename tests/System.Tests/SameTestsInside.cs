using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

// The tests of the mesh once more, with all pods captured inside their network namespaces: what people see is the same.

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideTransferTests(InsideMeshFixture mesh) : TransferTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideUdpTests(InsideMeshFixture mesh) : UdpTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideCloseTests(InsideMeshFixture mesh) : CloseTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideRefusedConnectTests(InsideMeshFixture mesh) : RefusedConnectTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideNetworkPolicyTests(InsideMeshFixture mesh) : NetworkPolicyTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideUdpErrorTests(InsideMeshFixture mesh) : UdpErrorTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideUdpFragmentTests(InsideMeshFixture mesh) : UdpFragmentTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideRoutingTests(InsideMeshFixture mesh) : RoutingTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsidePlainBackendTests(InsideMeshFixture mesh) : PlainBackendTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideRotationTests(InsideMeshFixture mesh) : RotationTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsidePolicyTests(InsideMeshFixture mesh) : PolicyTests(mesh);

/// <inheritdoc/>
[Collection(InsideMeshCollection.Name)]
public sealed class InsideUdpPortTests(InsideMeshFixture mesh) : UdpPortTests(mesh);

/// <inheritdoc/>
public sealed class InsideHandoverTests : HandoverTests
{
    private protected override string Capture => "inside";
}
