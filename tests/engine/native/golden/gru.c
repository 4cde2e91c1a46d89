static void phase_0_1_0(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n11 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n12 = n11 + n1;
            vec n13 = sigmoid_(n12);
            vec n4 = READ(p1);
            vec n14 = n13 * n4;
            WRITE(p2, n13);
            WRITE(p3, n14);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n11 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n12 = n11 + n1;
            vec n13 = sigmoid_(n12);
            vec n4 = READ(p1);
            vec n14 = n13 * n4;
            WRITE(p2, n13);
            WRITE(p3, n14);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_0_2_1(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p1 = slot[1].now + b * slot[1].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        real *p9 = slot[9].now + b * slot[9].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n5 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n15 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n2 = READ(p5);
            vec n6 = n5 + n2;
            vec n7 = sigmoid_(n6);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n4 = READ(p1);
            vec n10 = n9 * n4;
            vec n3 = READ(p6);
            vec n16 = n15 + n3;
            vec n17 = tanh_(n16);
            vec n18 = n7 * n17;
            vec n19 = n10 + n18;
            WRITE(p7, n19);
            WRITE(p8, n7);
            WRITE(p9, n17);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n5 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n15 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n2 = READ(p5);
            vec n6 = n5 + n2;
            vec n7 = sigmoid_(n6);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n4 = READ(p1);
            vec n10 = n9 * n4;
            vec n3 = READ(p6);
            vec n16 = n15 + n3;
            vec n17 = tanh_(n16);
            vec n18 = n7 * n17;
            vec n19 = n10 + n18;
            WRITE(p7, n19);
            WRITE(p8, n7);
            WRITE(p9, n17);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_1_2(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p4 = slot[4].now + b * slot[4].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n7 = READ(p2);
            vec n25 = n23 * n7;
            vec n17 = READ(p3);
            vec n26 = n17 * n17;
            vec n27 = set((real)0x1.0000000000000p+0) - n26;
            vec n28 = n25 * n27;
            WRITE(p4, n28);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n7 = READ(p2);
            vec n25 = n23 * n7;
            vec n17 = READ(p3);
            vec n26 = n17 * n17;
            vec n27 = set((real)0x1.0000000000000p+0) - n26;
            vec n28 = n25 * n27;
            WRITE(p4, n28);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_2_3(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        real *p9 = slot[9].now + b * slot[9].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n29 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n7 = READ(p2);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n17 = READ(p3);
            vec n24 = n23 * n17;
            vec n4 = READ(p5);
            vec n30 = n29 * n4;
            vec n13 = READ(p6);
            vec n32 = set((real)0x1.0000000000000p+0) - n13;
            vec n33 = n13 * n32;
            vec n34 = n30 * n33;
            vec n35 = n23 * n4;
            vec n37 = -n35;
            vec n38 = n24 + n37;
            vec n39 = n7 * n9;
            vec n40 = n38 * n39;
            WRITE(p7, n34);
            WRITE(p8, n40);
            WRITE(p9, n29);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n29 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n7 = READ(p2);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n17 = READ(p3);
            vec n24 = n23 * n17;
            vec n4 = READ(p5);
            vec n30 = n29 * n4;
            vec n13 = READ(p6);
            vec n32 = set((real)0x1.0000000000000p+0) - n13;
            vec n33 = n13 * n32;
            vec n34 = n30 * n33;
            vec n35 = n23 * n4;
            vec n37 = -n35;
            vec n38 = n24 + n37;
            vec n39 = n7 * n9;
            vec n40 = n38 * n39;
            WRITE(p7, n34);
            WRITE(p8, n40);
            WRITE(p9, n29);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_3_4(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p9 = slot[9].now + b * slot[9].row;
        real *p10 = slot[10].now + b * slot[10].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n42 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n7 = READ(p2);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n29 = READ(p9);
            vec n13 = READ(p6);
            vec n31 = n29 * n13;
            vec n36 = n23 * n9;
            vec n41 = n31 + n36;
            vec n43 = n41 + n42;
            WRITE(p10, n43);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n42 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n7 = READ(p2);
            vec n9 = set((real)0x1.0000000000000p+0) - n7;
            vec n20 = READ(p0);
            vec n21 = READ(p1);
            vec n23 = n20 + n21;
            vec n29 = READ(p9);
            vec n13 = READ(p6);
            vec n31 = n29 * n13;
            vec n36 = n23 * n9;
            vec n41 = n31 + n36;
            vec n43 = n41 + n42;
            WRITE(p10, n43);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

Body *const bodies[] = {phase_0_1_0, phase_0_2_1, phase_1_1_2, phase_1_2_3, phase_1_3_4};
Reducer *const reducers[] = {0};
