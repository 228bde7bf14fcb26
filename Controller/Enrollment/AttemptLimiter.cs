using System.Net;
using Mesh.Controller.Api;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Enrollment;

/// <summary>
/// Slows the guessing of secrets down: of credentials, and of tokens. Two token buckets are kept: one per address, and one per address and credential or token,
/// so that whoever guesses in one place never keeps the owner of a correct secret out in another. Only attempts whose secret did
/// not verify are counted; the one that finds a bucket empty starts a lock-out, 30 seconds at first and twice as long each further
/// time, up to 15 minutes. A bucket that has filled up again is forgotten, its lock-outs with it.
/// Memory is bounded: the least recently used entry makes room. Safe for concurrent use.
/// </summary>
/// <param name="capacity">How many addresses, and how many pairs of address and credential, are remembered.</param>
sealed class AttemptLimiter(int capacity = AttemptLimiter.DefaultCapacity)
{
    /// <summary>How many entries of each kind are remembered: some 4 MiB.</summary>
    public const int DefaultCapacity = 16384;

    static readonly BucketRule PerAddress = new(Burst: 20, RefillPerSecond: 10 / 60.0);
    static readonly BucketRule PerCredential = new(Burst: 10, RefillPerSecond: 5 / 900.0);
    static readonly TimeSpan FirstLockOut = TimeSpan.FromSeconds(30);
    static readonly TimeSpan LongestLockOut = TimeSpan.FromMinutes(15);

    readonly Lock _gate = new();
    readonly BucketTable<IPAddress> _addresses = new(PerAddress, capacity);
    readonly BucketTable<(IPAddress, EntityId)> _credentials = new(PerCredential, capacity);

    /// <summary>
    /// Says how long an attempt must wait; zero lets it through. Nothing is counted: <see cref="CountFailure"/> does that once the
    /// secret is known to be wrong.
    /// </summary>
    public TimeSpan Check(IPAddress address, EntityId id, Instant now)
    {
        var place = RemotePlace.Of(address);
        lock (_gate)
        {
            var wait = _addresses.Remaining(place, now);
            var other = _credentials.Remaining((place, id), now);
            return wait > other ? wait : other;
        }
    }

    /// <summary>Counts an attempt whose secret was wrong, or whose credential does not exist.</summary>
    public void CountFailure(IPAddress address, EntityId id, Instant now)
    {
        var place = RemotePlace.Of(address);
        lock (_gate)
        {
            _addresses.Count(place, now);
            _credentials.Count((place, id), now);
        }
    }

    /// <summary>Gets how many entries are held.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _addresses.Size + _credentials.Size;
        }
    }

    readonly record struct BucketRule(int Burst, double RefillPerSecond);

    sealed class Bucket
    {
        public double Tokens;
        public Instant At;
        public Instant LockedUntil;
        public int LockOuts;
    }

    sealed class BucketTable<TKey>(BucketRule rule, int capacity) where TKey : notnull
    {
        readonly Dictionary<TKey, LinkedListNode<(TKey Key, Bucket Bucket)>> _entries = [];
        readonly LinkedList<(TKey Key, Bucket Bucket)> _byUse = [];

        public int Size => _entries.Count;

        public TimeSpan Remaining(TKey key, Instant now)
        {
            if (!_entries.TryGetValue(key, out var entry))
                return TimeSpan.Zero;
            var bucket = entry.Value.Bucket;
            if (bucket.LockedUntil > now)
                return bucket.LockedUntil - now;
            Refill(bucket, now);
            if (bucket.Tokens >= rule.Burst)
                Remove(entry);
            return TimeSpan.Zero;
        }

        public void Count(TKey key, Instant now)
        {
            var bucket = Use(key, now);
            // Attempts that were let through together may fail together: what is locked already is not locked anew.
            if (bucket.LockedUntil > now)
                return;
            Refill(bucket, now);
            bucket.Tokens -= 1;
            if (bucket.Tokens >= 0)
                return;
            bucket.Tokens = 0;
            var lockOut = FirstLockOut * Math.Pow(2, Math.Min(bucket.LockOuts++, 10));
            bucket.LockedUntil = now + (lockOut < LongestLockOut ? lockOut : LongestLockOut);
        }

        Bucket Use(TKey key, Instant now)
        {
            if (_entries.TryGetValue(key, out var entry))
            {
                _byUse.Remove(entry);
                _byUse.AddLast(entry);
                return entry.Value.Bucket;
            }
            if (_entries.Count >= capacity)
                Remove(_byUse.First!);
            var bucket = new Bucket { Tokens = rule.Burst, At = now, LockedUntil = now };
            _entries.Add(key, _byUse.AddLast((key, bucket)));
            return bucket;
        }

        void Refill(Bucket bucket, Instant now)
        {
            if (now <= bucket.At)
                return;
            bucket.Tokens = Math.Min(rule.Burst, bucket.Tokens + (now - bucket.At).TotalSeconds * rule.RefillPerSecond);
            bucket.At = now;
        }

        void Remove(LinkedListNode<(TKey Key, Bucket Bucket)> entry)
        {
            _entries.Remove(entry.Value.Key);
            _byUse.Remove(entry);
        }
    }
}
