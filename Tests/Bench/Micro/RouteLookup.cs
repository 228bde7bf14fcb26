using System.Buffers.Binary;
using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using Mesh.Protocol.Routing;

namespace Mesh.Bench.Micro;

/// <summary>Finding the peer of an inner address; addresses in random order, every one in the table.</summary>
public class RouteLookup
{
    const int Lookups = 1024;

    AllowedIps<string> _table = null!;
    byte[] _addresses = null!;

    [Params(10, 1_000, 100_000)]
    public int Prefixes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        var networks = Enumerable.Range(0, Prefixes).Select(i => 0x0A000000u + ((uint)i << 8)).ToArray();
        _table = AllowedIps<string>.Build(
            [.. networks.Select(n => ($"{n}", ImmutableArray.Create(IpPrefix.Parse($"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.0/24"))))]);
        _addresses = new byte[4 * Lookups];
        for (var i = 0; i < Lookups; i++)
            BinaryPrimitives.WriteUInt32BigEndian(_addresses.AsSpan(4 * i), networks[random.Next(networks.Length)] | (uint)random.Next(256));
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public int Find()
    {
        var found = 0;
        for (var i = 0; i < Lookups; i++)
            found += _table.Find(_addresses.AsSpan(4 * i, 4)) is null ? 0 : 1;
        return found == Lookups ? found : throw new InvalidOperationException("an address was not found");
    }
}
