using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Kit.Network;

/// <summary>Is two devices that know each other, on a network of their own: <c>Alice</c> knows where <c>Bob</c> is, and Bob learns
/// it.</summary>
public sealed class Pair
{
    /// <summary>Creates the pair; with <paramref name="bothKnow"/> Bob knows Alice's endpoint from the start. A side
    /// takes part in its suite and asks for it, whatever the other does.</summary>
    public Pair(int seed, bool bothKnow = false, byte[]? presharedKey = null, TimeSpan aliceKeepalive = default,
        CipherSuite aliceSuite = default, CipherSuite bobSuite = default)
    {
        Network = new SimNetwork(seed);
        Alice = Network.AddDevice(aliceSuite);
        Bob = Network.AddDevice(bobSuite);
        AliceToBob = Alice.AddPeer(Bob, Bob.Endpoint, Psk(presharedKey), aliceKeepalive, aliceSuite);
        BobToAlice = Bob.AddPeer(Alice, bothKnow ? Alice.Endpoint : default, Psk(presharedKey), suite: bobSuite);
    }

    /// <summary>Gets the network.</summary>
    public SimNetwork Network { get; }

    /// <summary>Gets the clock.</summary>
    public VirtualClock Clock => Network.Clock;

    /// <summary>Gets the device that starts.</summary>
    public SimDevice Alice { get; }

    /// <summary>Gets the device that answers.</summary>
    public SimDevice Bob { get; }

    /// <summary>Gets Alice's side of the tunnel.</summary>
    public SimPeer AliceToBob { get; }

    /// <summary>Gets Bob's side of the tunnel.</summary>
    public SimPeer BobToAlice { get; }

    /// <summary>Sends from Alice to Bob.</summary>
    public void AliceSends(params ReadOnlySpan<byte> payload) => Alice.SendPacket(AliceToBob, payload);

    /// <summary>Sends from Bob to Alice.</summary>
    public void BobSends(params ReadOnlySpan<byte> payload) => Bob.SendPacket(BobToAlice, payload);

    /// <summary>Runs until both sides may send; throws when they do not get there within 10 s of virtual time.</summary>
    public Pair Connect()
    {
        AliceSends(1);
        if (!Network.RunUntil(() => BobToAlice.Received.Count > 0, TimeSpan.FromSeconds(10)))
            throw new InvalidOperationException($"no session within 10 s (seed {Network.Seed})");
        BobSends(2);
        if (!Network.RunUntil(() => AliceToBob.Received.Count > 0, TimeSpan.FromSeconds(10)))
            throw new InvalidOperationException($"no answer within 10 s (seed {Network.Seed})");
        return this;
    }

    static PresharedKey? Psk(byte[]? key) => key is null ? null : new PresharedKey(key);
}
