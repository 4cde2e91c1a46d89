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
            vec n3 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n4 = n3 + n1;
            vec n5 = sigmoid_(n4);
            vec n2 = READ(p1);
            vec n6 = n5 * n2;
            WRITE(p2, n5);
            WRITE(p3, n6);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n3 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n4 = n3 + n1;
            vec n5 = sigmoid_(n4);
            vec n2 = READ(p1);
            vec n6 = n5 * n2;
            WRITE(p2, n5);
            WRITE(p3, n6);
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
        real *p10 = slot[10].now + b * slot[10].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n7 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n10 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n14 = load(tile[1] + r * stride[1] + (1 * vectors + v) * LANES);
            vec n8 = READ(p5);
            vec n9 = n7 + n8;
            vec n11 = tanh_(n10);
            vec n12 = n9 + n11;
            vec n13 = tanh_(n12);
            vec n15 = READ(p6);
            vec n16 = n14 + n15;
            vec n17 = sigmoid_(n16);
            vec n18 = n13 * n17;
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n2 = READ(p1);
            vec n21 = n2 * n20;
            vec n22 = n18 + n21;
            WRITE(p7, n22);
            WRITE(p8, n11);
            WRITE(p9, n13);
            WRITE(p10, n17);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n7 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n10 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n14 = load(tile[1] + r * stride[1] + (1 * vectors + v) * LANES);
            vec n8 = READ(p5);
            vec n9 = n7 + n8;
            vec n11 = tanh_(n10);
            vec n12 = n9 + n11;
            vec n13 = tanh_(n12);
            vec n15 = READ(p6);
            vec n16 = n14 + n15;
            vec n17 = sigmoid_(n16);
            vec n18 = n13 * n17;
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n2 = READ(p1);
            vec n21 = n2 * n20;
            vec n22 = n18 + n21;
            WRITE(p7, n22);
            WRITE(p8, n11);
            WRITE(p9, n13);
            WRITE(p10, n17);
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
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n17 = READ(p0);
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n23 = READ(p1);
            vec n24 = READ(p2);
            vec n26 = n23 + n24;
            vec n2 = READ(p3);
            vec n28 = n26 * n2;
            vec n29 = -n28;
            vec n30 = n26 * n17;
            vec n13 = READ(p4);
            vec n31 = n26 * n13;
            vec n32 = n29 + n31;
            vec n33 = n17 * n20;
            vec n34 = n32 * n33;
            vec n35 = n13 * n13;
            vec n36 = set((real)0x1.0000000000000p+0) - n35;
            vec n37 = n30 * n36;
            vec n11 = READ(p5);
            vec n38 = n11 * n11;
            vec n39 = set((real)0x1.0000000000000p+0) - n38;
            vec n40 = n37 * n39;
            WRITE(p6, n34);
            WRITE(p7, n40);
            WRITE(p8, n37);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n17 = READ(p0);
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n23 = READ(p1);
            vec n24 = READ(p2);
            vec n26 = n23 + n24;
            vec n2 = READ(p3);
            vec n28 = n26 * n2;
            vec n29 = -n28;
            vec n30 = n26 * n17;
            vec n13 = READ(p4);
            vec n31 = n26 * n13;
            vec n32 = n29 + n31;
            vec n33 = n17 * n20;
            vec n34 = n32 * n33;
            vec n35 = n13 * n13;
            vec n36 = set((real)0x1.0000000000000p+0) - n35;
            vec n37 = n30 * n36;
            vec n11 = READ(p5);
            vec n38 = n11 * n11;
            vec n39 = set((real)0x1.0000000000000p+0) - n38;
            vec n40 = n37 * n39;
            WRITE(p6, n34);
            WRITE(p7, n40);
            WRITE(p8, n37);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_2_3(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p3 = slot[3].now + b * slot[3].row;
        real *p9 = slot[9].now + b * slot[9].row;
        real *p10 = slot[10].now + b * slot[10].row;
        real *p11 = slot[11].now + b * slot[11].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n41 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n2 = READ(p3);
            vec n42 = n41 * n2;
            vec n5 = READ(p9);
            vec n44 = set((real)0x1.0000000000000p+0) - n5;
            vec n45 = n5 * n44;
            vec n46 = n42 * n45;
            WRITE(p10, n46);
            WRITE(p11, n41);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n41 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n2 = READ(p3);
            vec n42 = n41 * n2;
            vec n5 = READ(p9);
            vec n44 = set((real)0x1.0000000000000p+0) - n5;
            vec n45 = n5 * n44;
            vec n46 = n42 * n45;
            WRITE(p10, n46);
            WRITE(p11, n41);
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
        real *p9 = slot[9].now + b * slot[9].row;
        real *p11 = slot[11].now + b * slot[11].row;
        real *p12 = slot[12].now + b * slot[12].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n48 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n17 = READ(p0);
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n23 = READ(p1);
            vec n24 = READ(p2);
            vec n26 = n23 + n24;
            vec n27 = n26 * n20;
            vec n41 = READ(p11);
            vec n5 = READ(p9);
            vec n43 = n41 * n5;
            vec n47 = n27 + n43;
            vec n49 = n47 + n48;
            WRITE(p12, n49);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n48 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n17 = READ(p0);
            vec n20 = set((real)0x1.0000000000000p+0) - n17;
            vec n23 = READ(p1);
            vec n24 = READ(p2);
            vec n26 = n23 + n24;
            vec n27 = n26 * n20;
            vec n41 = READ(p11);
            vec n5 = READ(p9);
            vec n43 = n41 * n5;
            vec n47 = n27 + n43;
            vec n49 = n47 + n48;
            WRITE(p12, n49);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

Body *const bodies[] = {phase_0_1_0, phase_0_2_1, phase_1_1_2, phase_1_2_3, phase_1_3_4};
Reducer *const reducers[] = {0};
