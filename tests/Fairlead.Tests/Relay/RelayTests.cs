using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

public sealed class CopyRelayInMemoryTests() : RelayContract(new MemoryRelayRig(64 << 10));

/// <summary>The contract with the smallest buffers there are, which wait at every byte.</summary>
public sealed class CopyRelayInMemoryOfOneByteTests() : RelayContract(new MemoryRelayRig(1));

public sealed class CopyRelayOverPortableTcpTests() : NetworkRelayContract(new NetworkRelayRig(new TcpRig(new PortableNetwork())));

[SupportedOSPlatform("linux")]
public sealed class CopyRelayOverNativeTcpTests() : NetworkRelayContract(new NetworkRelayRig(new NativeTcpRig()));

[SupportedOSPlatform("linux")]
public sealed class CopyRelayToAnotherLoopTests() : NetworkRelayContract(ForeignRelayRig.Of(Side.Upstream));

[SupportedOSPlatform("linux")]
public sealed class CopyRelayFromAnotherLoopTests() : NetworkRelayContract(ForeignRelayRig.Of(Side.Client));

[SupportedOSPlatform("linux")]
public sealed class CopyRelayOnAnotherLoopTests() : NetworkRelayContract(ForeignRelayRig.Of(Side.Client, Side.Upstream));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayOfCopiesTests() : NetworkRelayContract(NativeRelayRig.Of(splice: false));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayOfSevenBytesBetweenUnixSocketsTests() : NetworkRelayContract(NativeRelayRig.Of(splice: false, unixClients: true, unixUpstreams: true, bufferSize: 7));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayOfSevenBytesTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true, bufferSize: 7));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayBetweenUnixSocketsTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true, unixClients: true, unixUpstreams: true));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayFromTcpToUnixTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true, unixUpstreams: true));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayFromUnixToTcpTests() : NetworkRelayContract(NativeRelayRig.Of(splice: false, unixClients: true));

[SupportedOSPlatform("linux")]
public sealed class NativeRelaySpliceTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true));
